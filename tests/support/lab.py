"""The lab: the network with real servers behind it, everything but the balancer."""

import pathlib

from . import configuration, namespaces, servers

URL = f"http://{namespaces.LISTENER_ADDRESS}"
URL_6 = f"http://[{namespaces.LISTENER_ADDRESS_6}]"


class Lab:
    """Three nginx in a Topology, as a context manager. `files` is what they serve.

    serve=False leaves the servers to a call of serve().
    """

    def __init__(self, directory, driver="af_xdp", serve=True, **topology):
        self.driver = driver
        self.files = pathlib.Path(directory) / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.network = namespaces.Topology(silence_kernel=driver == "af_packet", **topology)
        self.serves_at_once = serve
        self.nginx = []

    def __enter__(self):
        self.network.__enter__()
        try:
            if self.serves_at_once:
                self.serve()
        except BaseException:
            self.__exit__()
            raise
        return self

    def serve(self):
        for number, namespace in enumerate(self.network.targets, 1):
            server = servers.Nginx(namespace, f"target{number}", self.files.parent, self.files)
            self.nginx.append(server)
            server.start()

    def __exit__(self, *_):
        for server in self.nginx:
            server.stop()
        self.network.close()

    @property
    def client(self):
        return self.network.client

    @property
    def balancer(self):
        return self.network.balancer

    def configuration(self, **choices):
        """A configuration for this lab's driver; see configuration.balanced."""
        return configuration.balanced(**{"driver": self.driver} | choices)
