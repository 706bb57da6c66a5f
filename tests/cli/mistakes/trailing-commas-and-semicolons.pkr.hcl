variable "tags" {
  default = {
    Name = "web";
    Env  = "prod";
  }
}

source "null" "web" {
  communicator = "none";
}

build {
  sources = ["source.null.web",];
}
