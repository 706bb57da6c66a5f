# A container image of a web server, set up by a cookbook of Chef, whose licence this accepts in your name. The container
# needs a way to the internet, from where Chef comes:
#
#   hclimg apply examples/chef

source "docker" "web" {
  image  = "docker.io/library/debian:12"
  commit = true
}

build {
  sources = ["source.docker.web"]

  provisioner "shell" {
    inline = ["apt-get update -q", "apt-get install -qy --no-install-recommends curl ca-certificates"]
  }

  provisioner "chef-solo" {
    cookbook_paths = ["${path.root}/cookbooks"]
    run_list       = ["recipe[web]"]
    json           = { web = { site = "example.org" } }
    chef_license   = "accept"
    version        = "18"
  }
}
