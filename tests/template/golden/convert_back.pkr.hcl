# Everything that a template can say.
# Really.

# not older
packer {
  required_version = ">= 1.7.0"

  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = "~> 1"
    }
  }
}

# Where.
# And how.
variable "region" {
  type        = list(string)
  description = "a $${x} text"
  default     = ["a", "$${b}"]

  validation {
    condition     = length(var.region) > 0
    error_message = "One is needed."
  }

  # the end
}

variable "n" {
  type = object({ a = number, b = optional(string) })
  default = {
    a = -5.5
  }
  sensitive = true
}

variables {
  old = "x"
}

locals {
  sums    = { for k, v in { x = 1 } : k => v + var.n.a }
  text    = "x$${ %%{ $"
  heredoc = <<EOT
hello ${var.old}
  %{if true}y%{else}n%{endif}
EOT
  list    = [1, "two", null, true, var.n, var.old, "a\tb$"]
}

local "secret" {
  expression = "s"
  sensitive  = true
}

data "null" "d" {
  input = "x"
}

source "null" "x" {
  communicator = "none"
}

source "file" "y" {
  target  = "t"
  content = data.null.d.output
}

source "null" "z" {
  for_each = {
    a = 1
  }
  communicator = "none"
}

build {
  name    = "b"
  sources = ["null.x", source.null.z]

  # twice
  source "file.y" {
    name = "one"
  }

  source "file.y" {
    name = "two"
  }

  provisioner "shell-local" {
    inline = ["echo"]
    override = {
      x = {
        inline = ["o"]
      }
    }
  }

  dynamic "provisioner" {
    for_each = ["a", "b"]
    iterator = it
    labels   = ["shell-local"]

    content {
      inline = [it.value]
    }
  }

  provisioner "shell-local" {
    inline = ["echo ${build.ID} ${upper("a\"b")}"]
    only   = ["null.x"]

    retry {
      attempts = 2
    }
  }

  error-cleanup-provisioner "shell-local" {
    inline = ["true"]
  }

  post-processor "manifest" {}

  post-processors {
    post-processor "checksum" {}

    post-processor "manifest" {
      output = "x"
    }
  }

  post-processor "manifest" {
    output = "y"
  }
}

output "o" {
  value       = local.text
  description = "$${x}"
}
