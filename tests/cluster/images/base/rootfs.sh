#!/bin/sh
# Make the root file system of a small Debian with Python:  rootfs.sh DIRECTORY   (writes DIRECTORY/rootfs.tar)
set -eu
root=$1/rootfs

debootstrap --force-check-gpg --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$root"

# what no container of ours reads; copyright files stay
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/var/cache/debconf/*-old \
  "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/usr/share/man/* "$root"/dev/*
find "$root/usr/share/doc" ! -type d ! -name copyright -delete

tar --create --numeric-owner --file "$1/rootfs.tar" --directory "$root" .
rm -rf "$root"
