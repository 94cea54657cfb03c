#!/bin/sh
# Install SGLang for CPUs into a virtual environment:  install.sh UV DIRECTORY
set -eu
uv=$1
directory=$2
here=$(cd "$(dirname "$0")" && pwd)

UV_PROJECT_ENVIRONMENT=$directory "$uv" sync --quiet --frozen --no-cache --project "$here"
packages=$(echo "$directory"/lib/python3*/site-packages)

# PyPI's torch is linked against these. A CPU never calls them, so any library does in their place that can be
# loaded alone; stand_ins/cpu_engine.py keeps the loader from missing their functions.
for library in libcublas.so.13 libcublasLt.so.13 libcudnn.so.9 libcufft.so.12 libcufile.so.0 libcupti.so.13 \
  libcurand.so.10 libcusolver.so.12 libcusparse.so.12 libcusparseLt.so.0 libnccl.so.2 libnvrtc.so.13 \
  libnvshmem_host.so.3; do
  ln -s libtorch_global_deps.so "$packages/torch/lib/$library"
done
cp -R "$here"/stand_ins/. "$packages"

# for compiling extensions (62 MB) and for linking statically
rm -rf "$packages/torch/include" "$packages"/nvidia/cu*/lib/*.a
