"""Servers as process trees: started on one core, their processor time and memory read from /proc, stopped again."""

import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time

SERVER_CORE = 0
LOAD_CORE = 1
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def descendants(root):
    """The process ids of `root` and of all that it started, directly or not."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        try:
            for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
            found.append(pid)
        except OSError:
            continue
    return found


def cpu_ticks(pid):
    """Processor time of a process and of those of its children that have ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name may hold spaces; what follows its closing bracket does not. utime, stime, cutime, cstime.
    return sum(map(int, text.rpartition(")")[2].split()[11:15]))


def resident_bytes(pid):
    """Resident memory, shared pages included."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def open_files(pid):
    """File descriptors in use."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def core_busy_seconds(core):
    """For how long the core has been busy since the machine started, whoever used it."""
    lines = pathlib.Path("/proc/stat").read_text().splitlines()
    fields = next(line.split() for line in lines if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def own_user(name="postgres"):
    """For programs that refuse to run as root: the user to run them as, if we are root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(name)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class Server:
    """A running program on one core (or a set of them), in a session of its own so that it can be stopped with all that
    it started."""

    def __init__(self, argv, log, core=SERVER_CORE, env=None, cwd=None, stdout=None, as_user=None):
        self.log = pathlib.Path(log)
        with self.log.open("ab") as errors:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=stdout or errors,
                stderr=errors,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {core} if isinstance(core, int) else core),
                **(as_user or {}),
            )

    def pids(self):
        return descendants(self.process.pid)

    def cpu_seconds(self):
        return sum(map(cpu_ticks, self.pids())) / TICKS

    def resident(self):
        return sum(map(resident_bytes, self.pids()))

    def open_files(self):
        return sum(map(open_files, self.pids()))

    def check_alive(self):
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}:\n{tail}")

    def wait_for(self, question, seconds=30):
        """Waits until `question()` is true; the seconds since the program was started."""
        while not question():
            self.check_alive()
            if time.monotonic() - self.began > seconds:
                raise RuntimeError(f"{self.process.args[0]} was not ready within {seconds} s, see {self.log}")
            time.sleep(0.0005)
        return time.monotonic() - self.began

    def wait_for_port(self, port, seconds=30):
        return self.wait_for(lambda: answers(port), seconds)

    def stop(self, how=signal.SIGTERM):
        for signal_number in (how, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, signal_number)
                self.process.wait(timeout=10)
                return
            except ProcessLookupError:
                self.process.wait(timeout=10)
                return
            except subprocess.TimeoutExpired:
                continue


def answers(port):
    """Whether somebody listens on the loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def status_of(port, request):
    """The status of one HTTP request given as bytes; none when there is no answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(request)
            return int(connection.recv(4096).split(b" ", 2)[1])
    except (OSError, IndexError, ValueError):
        return None
