# A web server's image in an OpenStack cloud. Needs clouds.yaml, or an openrc file's variables:
#
#   source openrc.sh
#   hclimg apply -var network=internal -var floating_network=public examples/openstack

variable "release" {
  type    = string
  default = "1.0"
}

variable "flavor" {
  type    = string
  default = "m1.small"
}

variable "network" {
  type        = string
  default     = "private"
  description = "The network that the machine is built on, by name or id."
}

variable "floating_network" {
  type        = string
  default     = ""
  description = "An external network, when the machine is reached only by a floating IP."
}

source "openstack" "web" {
  source_image_filter {
    filters {
      properties = { os_distro = "debian" }
      tags       = ["stable"]
    }
    most_recent = true
  }

  flavor              = var.flavor
  networks            = [var.network]
  floating_ip_network = var.floating_network
  ssh_username        = "debian"

  image_name     = "web-${var.release}"
  image_tags     = ["web"]
  image_min_disk = 4
  metadata = {
    os_distro = "debian"
    role      = "web"
  }
}

build {
  sources = ["source.openstack.web"]

  provisioner "shell" {
    inline = [
      "cloud-init status --wait",
      "sudo apt-get update -q",
      "sudo apt-get install -y -q nginx-light",
    ]
  }

  post-processor "manifest" {
    output = "build/web.json"
  }
}
