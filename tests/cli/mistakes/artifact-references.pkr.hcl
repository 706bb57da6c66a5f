source "null" "base" {
  communicator = "none"
}

source "null" "web" {
  communicator = "none"
  ssh_host     = artifact.null.path
}

source "null" "db" {
  communicator = "none"
  ssh_host     = artifact.null.bsae.path
}

source "null" "app" {
  communicator = "none"
  ssh_host     = artifact.null.base.pth
}

source "null" "short" {
  communicator = "none"
  ssh_host     = artifact
}

build {
  sources = ["source.null.base", "source.null.web", "source.null.db", "source.null.app", "source.null.short"]
}
