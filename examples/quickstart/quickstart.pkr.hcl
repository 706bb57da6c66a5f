# Debian 12 with redis, as a disk image that boots:
#
#     hclimg plan examples/quickstart      what would be done
#     hclimg apply examples/quickstart     do it (as root: lane 1 installs packages)
#
# Start reading in sources.pkr.hcl, then come back here.

build {
  sources = ["source.rootfs.debian"]

  provisioner "shell" {
    inline = [
      "apt-get update --quiet",
      "echo 'Built by hclimg from ${var.suite}.' > /etc/motd",
    ]
  }
}

build {
  sources = ["source.qemu.redis"]

  provisioner "shell" {
    environment_vars = ["DEBIAN_FRONTEND=noninteractive"]
    inline = [
      "apt-get install --quiet --yes redis-server",
      "printf 'maxmemory ${var.redis_memory}\\nmaxmemory-policy allkeys-lru\\n' >> /etc/redis/redis.conf",
      "systemctl restart redis-server",
    ]
  }

  # A build is the right place to find out whether it works.
  provisioner "shell" {
    inline      = ["test \"$(redis-cli ping)\" = PONG"]
    max_retries = 5
  }

  # What each machine must have of its own, and what nobody needs any more.
  provisioner "shell" {
    inline = [
      "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb",
      "rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed",
      ": > /etc/machine-id",
      "sync; fstrim /",
    ]
  }

  post-processor "checksum" {
    checksum_types = ["sha256"]
    output         = "output-redis/redis.{{.ChecksumType}}"
  }

  post-processor "manifest" {
    output = "output-redis/manifest.json"
  }
}
