# A web server's template, cloned from a base template. Needs a vCenter, which the environment names:
#   export VSPHERE_SERVER=vcenter.example.org VSPHERE_USER=builder@vsphere.local VSPHERE_PASSWORD=…
#   hclimg apply examples/vsphere
variable "template" {
  type        = string
  default     = "templates/debian-13"
  description = "The template to start from: it has open-vm-tools and an SSH server."
}

source "vsphere-clone" "web" {
  cluster  = "production"
  folder   = "templates"
  template = var.template
  vm_name  = "web"
  CPUs     = 2
  RAM      = 2048

  ssh_username        = "debian"
  create_snapshot     = true # linked clones are made from it
  convert_to_template = true
}

build {
  sources = ["source.vsphere-clone.web"]

  provisioner "shell" {
    inline = ["sudo apt-get update", "sudo apt-get install -y nginx"]
  }
}
