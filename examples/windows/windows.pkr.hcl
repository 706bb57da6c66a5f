# Windows Server on AWS: WinRM over TLS, with the password that Windows makes up when it first starts.
# docs/windows.md says what a machine needs.

source "amazon-ebs" "windows" {
  ami_name       = "windows-web"
  region         = "eu-central-1"
  instance_type  = "t3.large"
  user_data_file = "${path.root}/winrm.txt"

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters     = { name = "Windows_Server-2022-English-Full-Base-*" }
  }

  communicator   = "winrm"
  winrm_username = "Administrator"
  winrm_use_ssl  = true
  winrm_insecure = true # the certificate that winrm.txt makes
}

build {
  sources = ["source.amazon-ebs.windows"]

  provisioner "powershell" {
    inline = ["Install-WindowsFeature Web-Server"]
  }

  provisioner "windows-restart" {}

  provisioner "file" {
    content     = "<h1>hello</h1>"
    destination = "C:/inetpub/wwwroot/index.html"
  }

  provisioner "windows-shell" {
    inline = ["dir C:\\inetpub\\wwwroot"]
  }
}
