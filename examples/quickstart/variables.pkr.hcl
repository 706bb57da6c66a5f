# What you may want to change. Set a variable with `-var NAME=VALUE`, in a file that is named *.auto.pkrvars.hcl,
# or in the environment as PKR_VAR_NAME.

variable "suite" {
  type        = string
  default     = "bookworm"
  description = "The release of Debian to install."
}

variable "disk_size" {
  type        = string
  default     = "2G"
  description = "The size of the disk. What nobody wrote to takes no room."
}

variable "redis_memory" {
  type        = string
  default     = "64mb"
  description = "How much redis may hold in memory."
}
