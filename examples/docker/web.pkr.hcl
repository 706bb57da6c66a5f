# A container image of a web server. Needs docker, or podman with -var engine=podman:
#
#   hclimg apply examples/docker

variable "engine" {
  type    = string
  default = "docker"
}

source "docker" "web" {
  docker_path = var.engine
  image       = "docker.io/library/busybox:stable"
  commit      = true
  changes     = ["EXPOSE 8080", "CMD [\"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]"]
}

build {
  sources = ["source.docker.web"]

  provisioner "shell" {
    inline = [
      "mkdir -p /www",
      "echo 'made by ${build.ID}' > /www/index.html",
    ]
  }
}
