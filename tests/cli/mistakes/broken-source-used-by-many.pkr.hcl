source "null" "web" {
  communicatr = "none"
  ssh_port    = "many"
}

source "nul" "db" {
  communicator = "none"
}

build {
  name    = "one"
  sources = ["source.null.web", "source.nul.db"]
}

build {
  name    = "two"
  sources = ["source.null.web", "source.nul.db"]
}

build {
  name = "three"
  source "source.null.web" {
    ssh_hots = "x"
  }
}
