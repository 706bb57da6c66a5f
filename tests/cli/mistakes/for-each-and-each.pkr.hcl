variable "zones" {
  default = ["a", "b"]
}

source "null" "web" {
  for_each     = var.zones
  communicator = "none"
  ssh_host     = each.vlaue
}

source "null" "db" {
  for_each     = toset(["x"])
  communicator = "none"
  ssh_host     = each.vlaue
}

build {
  sources = ["source.null.web", source.null.db["y"]]
}
