locals {
  a = ["日本語", uper("é"), "👩‍👩‍👧‍👦", uper("x")]
	b = uper("tab")
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
