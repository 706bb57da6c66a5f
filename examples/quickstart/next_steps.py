"""After `make quickstart`: where the image is, and how to boot it and talk to it."""

import sys
from pathlib import Path

IMAGE = Path("output-redis/redis.qcow2")

TEXT = """
The image is {image} ({size:.0f} MiB). To boot it, changing nothing in it, and to let you log in:

    [ -e ~/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
    qemu-system-x86_64 -accel kvm -accel tcg -cpu max -smp 2 -m 1024 -nographic \\
        -drive file={image},if=virtio,snapshot=on \\
        -nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:2222-:22 \\
        -fw_cfg name=opt/org.hclimg/ssh_authorized_key,file=$HOME/.ssh/id_ed25519.pub

Then, in another terminal:

    ssh -p 2222 root@127.0.0.1 redis-cli ping

Ctrl-A X ends QEMU.
"""


def main() -> int:
    if not IMAGE.is_file():
        sys.stderr.write(f"There is no {IMAGE} here. Build it first: hclimg apply examples/quickstart\n")
        return 1
    sys.stdout.write(TEXT.format(image=IMAGE, size=IMAGE.stat().st_size / 2**20))
    return 0


if __name__ == "__main__":
    sys.exit(main())
