variable "users" {
  default = { alice = 1, bob = 2 }
}

locals {
  a = [for user in var.users : usr]
  b = { for name, id in var.users : nmae => id }
  c = [for u in var.users : u if usr == 1]
  d = "%{ for name, id in var.users }${nam}%{ endfor }"
  e = [for u in vars.users : u.name]
  f = each.key
  g = [for u in var.users : u.name]
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
