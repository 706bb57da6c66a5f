# Sets up a machine with Windows that is there already, by WinRM or OpenSSH:
#
#   hclimg apply -var host=192.0.2.10 -var password=… examples/windows_host
#   hclimg apply -only "*.ssh" -var host=… examples/windows_host

variable "host" {
  type    = string
  default = "windows.example"
}

variable "password" {
  type      = string
  sensitive = true
  default   = "change me"
}

source "null" "winrm" {
  communicator   = "winrm"
  winrm_host     = var.host
  winrm_username = "Administrator"
  winrm_password = var.password
  winrm_use_ssl  = true
  winrm_insecure = true # the certificate that Windows makes for itself
}

source "null" "ssh" {
  ssh_host     = var.host
  ssh_username = "Administrator"
  ssh_password = var.password
}

build {
  sources = ["null.winrm", "null.ssh"]

  provisioner "file" {
    source      = "${path.root}/site/"
    destination = "C:/inetpub/site"
  }

  provisioner "powershell" {
    script = "${path.root}/web-server.ps1"
    env    = { SITE = "C:/inetpub/site" }

    valid_exit_codes = [0, 3010] # 3010: a restart is needed
  }

  provisioner "windows-restart" {
    restart_timeout = "15m"
    check_registry  = true
  }

  # What only an administrator's own session, or SYSTEM, may do.
  provisioner "powershell" {
    inline        = ["Set-Service -Name W3SVC -StartupType Automatic"]
    elevated_user = "SYSTEM"
  }

  provisioner "windows-shell" {
    inline = ["@echo made by %PACKER_BUILD_NAME% > C:\\inetpub\\site\\made-by.txt"]
  }
}
