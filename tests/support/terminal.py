"""A person's terminal for a program: its keys are this process's input, its screen the output; says at the end whether its modes are as they were."""
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios

ours, theirs = os.openpty()


def resize(rows, cols):
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def begin():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


resize(24, 80)
before = termios.tcgetattr(theirs)
child = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=begin)
signal.signal(signal.SIGUSR1, lambda *_: resize(50, 132))
signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGTERM))
sources = [ours, 0]
while child.poll() is None or select.select([ours], [], [], 0.1)[0]:
    ready = select.select(sources, [], [], 0.05)[0]
    if ours in ready:
        os.write(1, os.read(ours, 65536))
    if 0 in ready:
        keys = os.read(0, 65536)
        os.write(ours, keys) if keys else sources.remove(0)
isSame = termios.tcgetattr(theirs) == before
os.write(2, b"modes restored" if isSame else b"modes changed")
sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)
