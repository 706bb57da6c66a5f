# An image of a web server, set up by Ansible from this host. Needs docker, or podman with -var engine=podman, and
# ansible-core:
#
#   hclimg apply examples/ansible

variable "engine" {
  type    = string
  default = "docker"
}

source "docker" "web" {
  docker_path = var.engine
  image       = "docker.io/library/python:3.12-slim"
  commit      = true
  changes     = ["CMD [\"python3\", \"-m\", \"http.server\", \"-d\", \"/srv/www\", \"8080\"]", "EXPOSE 8080"]
}

build {
  sources = ["source.docker.web"]

  provisioner "ansible" {
    playbook_file   = "${path.root}/site.yml"
    user            = "root"
    groups          = ["web"]
    extra_arguments = ["-e", "greeting=Hello"]
  }
}
