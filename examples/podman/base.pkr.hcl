# A container image from nothing but Debian's packages, as root:
#
#   cd examples/podman
#   hclimg apply base.pkr.hcl                                   the file system, imported into podman
#   hclimg apply -var registry=127.0.0.1:5000 web.pkr.hcl       a web server on it, by Ansible, pushed

# Ansible needs a Python in the container, and nothing else.
source "rootfs" "debian" {
  suite         = "bookworm"
  packages      = ["python3"]
  base_packages = []
  kernel        = false
  bootloader    = "none"
  formats       = ["tar"]

  output_directory = "output-debian"
}

build {
  sources = ["source.rootfs.debian"]

  post-processor "docker-import" {
    docker_path = "podman"
    repository  = "localhost/debian"
    tag         = "bookworm"
    changes     = ["CMD [\"bash\"]"]
  }
}
