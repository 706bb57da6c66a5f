variable "env" {
  default = "prod"
}

locals {
  a = var.env == "prod" ? { size = 1 } : { sise = 1 }
  b = var.env == "prod" ? [1, 2] : [1]
  c = var.env ? 1 : 2
  d = var.env == "prod" ? "x"
  e = if var.env == "prod" then 1 else 2
  f = null ? 1 : 2
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
