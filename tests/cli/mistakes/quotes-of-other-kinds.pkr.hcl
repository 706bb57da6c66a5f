source "null" "web" {
  communicator = 'none'
  ssh_host     = “example.com”
  ssh_username = `root`
}

source ‘null’ "other" {
  communicator = "none"
}

build {
  sources = ['source.null.web']
}
