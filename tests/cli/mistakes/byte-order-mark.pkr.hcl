source "null" "web" {
  communicatr = "none"
}

build {
  sources = ["source.null.web"]
}
