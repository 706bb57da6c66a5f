source "null" "web" {
  communicatr = "none"
  ssh_host = "a" "b"
}

build {
  sources = ["source.null.web"]
}
