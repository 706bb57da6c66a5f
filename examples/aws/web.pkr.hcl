# A web server's image in two regions. To build it:
#
#   export AWS_PROFILE=images
#   hclimg plan examples/aws
#   hclimg apply -var version=1.4.1 -var 'accounts=["111111111111"]' examples/aws
#
# hclimg artifacts lists what was built; hclimg destroy -build=amazon-ebs.web -keep-last=2 removes the older ones.

variable "version" {
  default = "1.4.0"
}

variable "region" {
  default = "eu-central-1"
}

variable "copies" {
  description = "Other regions in which the image is wanted."
  type        = list(string)
  default     = ["us-east-1"]
}

variable "accounts" {
  description = "Who else may use it."
  type        = list(string)
  default     = []
}

variable "keep_for" {
  description = "After this time the image is deprecated, and so no longer found by whoever looks for the newest one."
  default     = "4320h"
}

source "amazon-ebs" "web" {
  ami_name        = "web-${var.version}"
  ami_description = "A web server on {{ .SourceAMIName }}"
  ami_regions     = var.copies
  ami_users       = var.accounts
  deprecate_at    = timeadd(timestamp(), var.keep_for)
  imds_support    = "v2.0"

  region        = var.region
  instance_type = "t3.small"
  ssh_username  = "admin"
  spot_price    = "auto"

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true
    filters = {
      name                = "debian-12-amd64-*"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # Only this host may reach the instance while it is built.
  temporary_security_group_source_public_ip = true

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = 10
    delete_on_termination = true
  }

  metadata_options {
    http_tokens = "required"
  }

  run_tags = { Purpose = "image build" }
  tags     = { Base = "{{ .SourceAMI }}", Release = "12" }
}

build {
  sources = ["source.amazon-ebs.web"]

  provisioner "shell" {
    inline = [
      "cloud-init status --wait",
      "sudo apt-get update",
      "sudo apt-get install -y nginx",
      "sudo cloud-init clean --logs",
    ]
  }

  post-processor "manifest" {}
}
