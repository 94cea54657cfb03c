import re
from dataclasses import replace

import pytest

from tests.cluster import room
from tests.cluster.source.preflight import Machine, problems

ALL_RIGHTS = (1 << 41) - 1
FIT = Machine(
    system="Linux",
    processor="x86_64",
    is_root=True,
    capabilities=ALL_RIGHTS,
    missing_packages=frozenset(),
    has_apt=True,
    short_of=(),
    socket_path="/root/.cache/drawbridge/source-cluster/containerd/containerd.sock.ttrpc",
    overlay_on_overlay=False,
    missing_kernel_features=(),
    foreign_networks=(),
    taken_ports=(),
)


def test_a_fit_machine_has_no_problems() -> None:
    assert problems(FIT) == []
    assert problems(replace(FIT, has_apt=False)) == []


def test_missing_packages_are_no_problem_where_they_can_be_installed() -> None:
    assert problems(replace(FIT, missing_packages=frozenset({"ipset"}))) == []


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        pytest.param(replace(FIT, system="Darwin"), "not Linux: install Docker", id="another system"),
        pytest.param(replace(FIT, processor="riscv64"), "processor riscv64", id="another processor"),
        pytest.param(replace(FIT, is_root=False, capabilities=0), "not root: run with sudo", id="no root"),
        pytest.param(
            replace(FIT, capabilities=ALL_RIGHTS & ~(1 << 21)),
            r"root without CAP_SYS_ADMIN: use a machine, or a privileged container",
            id="root of a container",
        ),
        pytest.param(
            replace(FIT, missing_packages=frozenset({"runc", "ipset"}), has_apt=False),
            "install what Debian calls ipset runc",
            id="no apt-get",
        ),
        pytest.param(replace(FIT, short_of=("no disk",)), "no disk", id="no room"),
        pytest.param(
            replace(FIT, socket_path="/" + "a" * 107), "DRAWBRIDGE_CACHE.*shorter", id="a long path"
        ),
        pytest.param(replace(FIT, socket_path="/my cache/x"), "DRAWBRIDGE_CACHE.*plain", id="a space"),
        pytest.param(replace(FIT, overlay_on_overlay=True), "a real disk", id="an overlay below us"),
        pytest.param(replace(FIT, missing_kernel_features=("overlay",)), "kernel lacks overlay", id="kernel"),
        pytest.param(replace(FIT, foreign_networks=("198.18.0.0/16 dev tun0",)), "tun0.*: stop", id="a VPN"),
        pytest.param(
            replace(FIT, taken_ports=("1.2.3.4:1",)), r"port in use: 1\.2\.3\.4:1: stop", id="a port"
        ),
    ],
)
def test_each_problem_is_one_line_with_its_remedy(machine: Machine, expected: str) -> None:
    found = problems(machine)
    assert len(found) == 1
    assert re.search(expected, found[0])


def test_all_problems_are_told_at_once() -> None:
    machine = replace(
        FIT, is_root=False, short_of=("no disk",), taken_ports=("a", "b"), overlay_on_overlay=True
    )
    assert len(problems(machine)) == 5


@pytest.mark.parametrize(
    ("disk_gib", "memory_gib", "expected"),
    [
        pytest.param(10, 4, [], id="enough of both"),
        pytest.param(9, 4, ["9.0 GiB of disk are free for the cache, 10 are needed"], id="little disk"),
        pytest.param(10, 3.5, ["3.5 GiB of memory are available, 4 are needed"], id="little memory"),
    ],
)
def test_room(disk_gib: float, memory_gib: float, expected: list[str]) -> None:
    found = room.judge(
        free_disk_bytes=int(disk_gib * room.GIB),
        disk_bytes=10 * room.GIB,
        available_memory_bytes=int(memory_gib * room.GIB),
        memory_bytes=4 * room.GIB,
    )
    assert [line.partition(":")[0] for line in found] == expected


def test_available_memory_is_what_the_kernel_says_programs_can_get() -> None:
    assert (
        room.available_memory_bytes("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n") == 2 * 2**20
    )
