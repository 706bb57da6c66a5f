source "null" "web" {
  communicator = "none"
}

source "null" "database" {
  communicator = "none"
}

build {
  sources = [
    "source.null.wbe",
    "sources.null.web",
    "null.web",
    "web",
    "source.nul.web",
    "source.null",
    "null",
    source.null.databse,
    source.nul.web,
    "data.null.web",
  ]
}

build {
  source = ["source.null.web"]
}

build {
  sources = "source.null.web"
}

build {
  source "null.wbe" {}
}
