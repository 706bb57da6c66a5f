# A container image of a web server, set up by states of Salt. The container needs a way to the internet, from where Salt
# comes:
#
#   hclimg apply examples/salt

source "docker" "web" {
  image  = "docker.io/library/debian:12"
  commit = true
}

build {
  sources = ["source.docker.web"]

  provisioner "shell" {
    inline = ["apt-get update -q", "apt-get install -qy --no-install-recommends curl ca-certificates"]
  }

  provisioner "salt-masterless" {
    local_state_tree   = "${path.root}/states"
    local_pillar_roots = "${path.root}/pillar"
    bootstrap_args     = "-X stable 3006" # no service of Salt in the image
    log_level          = "warning"
  }
}
