# A source says what a build starts from. Each one that a build uses is a lane: what is done for one image, in order.

# Lane 1 makes a small Debian from packages alone. It needs no hypervisor: the packages come from where this machine
# gets its own, and the provisioners run in the new system's directory (a chroot). That takes half a minute the first
# time, and seconds as long as the installed packages are in the cache.
source "rootfs" "debian" {
  suite     = var.suite
  disk_size = var.disk_size
  hostname  = "quickstart"

  # Lane 2 installs packages in this image while the processor may be emulated. So the lists of packages are fetched
  # here, at full speed, and stay in the image.
  keep_apt_lists = true

  output_directory = "output-debian"
}

# Lane 2 boots that image. `artifact` makes it wait for lane 1: an edge in the graph, as `hclimg plan` shows.
source "qemu" "redis" {
  disk_image   = true
  iso_url      = artifact.rootfs.debian.path
  iso_checksum = "none" # it was made a moment ago, on this machine

  # QEMU runs with KVM where that works, and emulates the machine otherwise.
  cpu_model        = "max"
  cpus             = 2
  memory           = 1024
  headless         = true
  skip_resize_disk = true
  disk_discard     = "unmap" # what the machine deletes takes no room in the image

  # The key is made for this build and handed to the machine by QEMU. It never touches the disk.
  ssh_username            = "root"
  temporary_key_pair_type = "ed25519"
  ssh_timeout             = "10m"
  shutdown_command        = "systemctl poweroff"

  vm_name          = "redis.qcow2"
  output_directory = "output-redis"
}
