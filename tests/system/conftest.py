"""Spillway on vdevs: no NIC, no hugepages, no namespace."""
