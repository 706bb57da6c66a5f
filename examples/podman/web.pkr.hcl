# A web server in a container of the image that base.pkr.hcl made.

variable "registry" {
  type        = string
  description = "Where to push the image."
}

source "docker" "web" {
  docker_path = "podman"
  image       = "localhost/debian:bookworm"
  pull        = false # it is on this machine only

  commit  = true
  changes = ["EXPOSE 8080", "CMD [\"python3\", \"-m\", \"http.server\", \"-d\", \"/srv/www\", \"8080\"]"]
}

build {
  sources = ["source.docker.web"]

  provisioner "ansible" {
    playbook_file = "${path.root}/site.yml"
    groups        = ["web"]
  }

  post-processors {
    post-processor "docker-tag" {
      repository = "${var.registry}/web"
      tags       = ["1", "latest"]
    }
    post-processor "docker-push" {}
  }
}
