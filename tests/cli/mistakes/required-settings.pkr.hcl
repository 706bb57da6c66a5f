source "qemu" "vm" {
  iso_url = "http://example.com/a.iso"
}

source "file" "x" {
  content = "a"
  source  = "b"
}

build {
  sources = ["source.qemu.vm", "source.file.x"]

  provisioner "shell-local" {}

  provisioner "shell" {
    inline = ["a"]
    script = "b.sh"
  }

  provisioner "file" {
    source = "missing.txt"
  }

  post-processor "checksum" {
    checksum_types = ["md4"]
  }
}
