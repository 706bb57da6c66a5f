# A Debian with nginx in VMware Workstation, Player or Fusion on this host, installed by its own installer.

variable "password" {
  type      = string
  sensitive = true
  default   = "admin"
}

locals {
  preseed = <<-EOT
    d-i auto-install/enable boolean true
    d-i passwd/root-login boolean false
    d-i passwd/username string admin
    d-i passwd/user-fullname string admin
    d-i passwd/user-password password ${var.password}
    d-i passwd/user-password-again password ${var.password}
    d-i partman-auto/method string regular
    d-i partman/confirm boolean true
    d-i pkgsel/include string openssh-server open-vm-tools sudo
    d-i preseed/late_command string echo 'admin ALL=(ALL) NOPASSWD: ALL' > /target/etc/sudoers.d/admin
    d-i finish-install/reboot_in_progress note
  EOT
}

source "vmware-iso" "web" {
  iso_url          = "https://cdimage.debian.org/cdimage/release/current/amd64/iso-cd/debian-13.2.0-amd64-netinst.iso"
  iso_checksum     = "file:https://cdimage.debian.org/cdimage/release/current/amd64/iso-cd/SHA256SUMS"
  guest_os_type    = "debian12-64"
  memory           = 1024
  disk_size        = 10000
  headless         = true
  http_content     = { "/preseed.cfg" = local.preseed }
  boot_command     = ["<esc><wait>auto url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg<enter>"]
  ssh_username     = "admin"
  ssh_password     = var.password
  ssh_timeout      = "30m"
  shutdown_command = "sudo shutdown -P now"
}

build {
  sources = ["source.vmware-iso.web"]

  provisioner "shell" {
    inline = ["sudo apt-get update", "sudo apt-get install -y nginx"]
  }

  post-processor "checksum" {
    checksum_types = ["sha256"]
  }
}
