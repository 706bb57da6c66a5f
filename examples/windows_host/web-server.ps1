$ErrorActionPreference = 'Stop'

$result = Install-WindowsFeature -Name Web-Server
Import-Module WebAdministration
Set-ItemProperty -Path 'IIS:\Sites\Default Web Site' -Name physicalPath -Value $env:SITE

if ($result.RestartNeeded -eq 'Yes') { exit 3010 }
