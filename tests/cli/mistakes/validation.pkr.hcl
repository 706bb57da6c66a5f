variable "port" {
  type    = number
  default = 70000
  validation {
    condition     = var.port < 65536
    error_message = "A port is a number below 65536."
  }
}

variable "name" {
  default = "x"
  validation {
    condition     = length(var.nmae) > 1
    error_message = "The name is too short."
  }
  validation {
    condition     = var.port > 1
    error_message = "The name is too short."
  }
  validation {
    condition     = "maybe"
    error_message = "The name is too short."
  }
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
