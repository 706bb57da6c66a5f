"""vsphere-clone by Packer 1.6.6 and by hclimg, against govmomi's vCenter simulator: wall times of whole processes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from vsphere_peer import main  # noqa: E402

if __name__ == "__main__":
    main()
