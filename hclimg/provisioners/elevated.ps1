$ErrorActionPreference = 'Stop'
# This file holds a password, and PowerShell has read all of it by now.
Remove-Item -LiteralPath $PSCommandPath -Force

$log = "$env:SystemRoot\Temp\$name.out"
$scheduler = New-Object -ComObject Schedule.Service
$scheduler.Connect()
$folder = $scheduler.GetFolder('\')

$definition = $scheduler.NewTask(0)
$definition.Settings.ExecutionTimeLimit = 'PT0S'
$definition.Settings.DisallowStartIfOnBatteries = $false
$definition.Settings.StopIfGoingOnBatteries = $false
$definition.Settings.Priority = 4
$definition.Principal.RunLevel = 1
$action = $definition.Actions.Create(0)
$action.Path = "$env:SystemRoot\System32\cmd.exe"
$action.Arguments = '/d /s /c "(' + $command + ') > "' + $log + '" 2>&1"'

$logon = 1
if ($password -eq '') { $logon = 5; $password = $null }
$task = $folder.RegisterTaskDefinition($name, $definition, 6, $user, $password, $logon, $null)

# What LastTaskResult says of a task that has not begun, runs, or waits for its turn.
$underWay = 0x41303, 0x41301, 0x41325
$reader = $null
function Show-Output {
    if ($null -eq $script:reader -and (Test-Path -LiteralPath $log)) {
        $stream = [IO.File]::Open($log, 'Open', 'Read', 'ReadWrite, Delete')
        $script:reader = New-Object IO.StreamReader($stream, [Console]::OutputEncoding)
    }
    if ($null -ne $script:reader) { [Console]::Out.Write($script:reader.ReadToEnd()) }
}

try {
    $null = $task.Run($null)
    $begun = Get-Date
    do {
        Start-Sleep -Milliseconds 250
        Show-Output
        $result = $task.LastTaskResult
        if ($result -eq 0x41303 -and ((Get-Date) - $begun).TotalSeconds -gt 120) {
            throw "The task of the user $user did not begin within 2 minutes."
        }
    } while ($task.State -eq 4 -or $task.State -eq 2 -or $underWay -contains $result)
    Show-Output
} finally {
    if ($null -ne $reader) { $reader.Dispose() }
    $folder.DeleteTask($name, 0)
    Remove-Item -LiteralPath $log -Force -ErrorAction SilentlyContinue
}
exit $result
