# Builds the web server.
# Ask the platform team.
packer {
  required_version = ">= 1.5.0"
}

variable "region" {
  type    = string
  default = "eu"
}

variable "token" {
  type      = string
  sensitive = true
}

variable "home" {
  type    = string
  default = env("HOME")
}

variable "tries" {
  type    = number
  default = 3
}

variable "zip" {
  type    = string
  default = "007"
}

variable "odd_name" {
  type    = string
  default = "x"
}

variable "timestamp" {
  type    = string
  default = "not the time"
}

variable "env_USER" {
  type    = string
  default = env("USER")
}

# The time of the build, in seconds since 1970.
locals {
  timestamp = rfc3339_parse(timestamp()).unix
}

local "label" {
  expression = "${var.region}-${formatdate("YYYY", timestamp())}"
  sensitive  = true
}

locals {
  both = "${var.env_USER}/${local.timestamp}"
}

source "null" "null" {
  communicator = "none"
}

source "file" "my_file" {
  content = <<EOT
#!/bin/sh
set -e
echo ${var.region}
EOT
  target  = "${local.label}/${source.name}"
}

source "file" "builders_2" {
  target  = "x-${local.timestamp}"
  content = var.zip
}

build {
  description = "web"
  sources     = ["source.null.null"]

  source "source.file.my_file" {
    name = "my file"
  }

  source "source.file.builders_2" {
    name = "${var.region}-file"
  }

  provisioner "shell-local" {
    only = ["null.null", "file.my file"]
    override = {
      "my file" = {
        inline = ["echo ${var.odd_name} $${NOT_OURS}"]
      }
    }
    pause_before = "5s"
    max_retries  = var.tries
    inline       = ["a", "${var.timestamp} costs 5$"]
  }

  provisioner "shell-local" {
    command = "{{.Vars}} ${split("-", var.region)[0]} ${upper("x")} ${build.ID}"
  }

  provisioner "shell-local" {
    except      = ["null.null"]
    timeout     = "1h"
    max_retries = 2
    inline      = split(",", local.both)
  }

  error-cleanup-provisioner "shell-local" {
    inline = ["true"]
  }

  post-processor "manifest" {}

  post-processors {
    post-processor "checksum" {
      keep_input_artifact = true
      output              = "{{.BuildName}}.sum"
    }

    post-processor "manifest" {
      output     = "o.json"
      strip_path = true
      custom_data = {
        "a b" = var.region
      }
    }
  }
}
