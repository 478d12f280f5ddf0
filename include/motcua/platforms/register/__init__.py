"""Registers as files: their names, their transport, their rows; the platform itself is `platforms.sftp_register`."""
