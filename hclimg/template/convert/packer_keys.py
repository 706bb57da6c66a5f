"""What kind of value the settings of Packer's components have, by name, where all components agree.

Legacy templates do not say what is a block, and quote numbers. Of a component that hclimg has, its declarations say
what a setting is; for all others this does. Strings are not listed: they need nothing.
"""

from __future__ import annotations

from typing import Final

_BLOCKS = """
    ami_block_device_mappings ami_root_device assume_role aws_polling azure_tag build content_library_destination
    customize deregistration_protection ebs_volumes export fast_launch filter fleet_tag image_disk_mappings
    launch_block_device_mappings license_configuration_request license_specifications linux_options metadata_options
    network_adapters network_interface pci_passthrough_allowed_device placement plan_info qemu_img_args
    region_launch_templates root_volume_tag run_tag run_volume_tag security_group_filter shared_image_gallery
    shared_image_gallery_destination snapshot_tag source_ami_filter source_image_filter spot spot_tag Statement
    storage subnet_filter system_disk_mapping target_region temporary_iam_instance_profile_policy_document vapp
    vault_aws_engine vpc_filter windows_options
"""
BLOCKS: Final = frozenset(_BLOCKS.split())
"""What HCL writes as blocks."""

_MAPS = """
    arguments azure_tags cd_content config configuration_parameters custom_data env external_source_image_properties
    facter fleet_tags floppy_content http_content instance_metadata metadata override properties region_kms_key_ids
    request_headers root_volume_tags run_tags run_volume_tags snapshot_tags spot_tags tags user_variables vmx_data
    vmx_data_post volumes
"""
MAPS: Final = frozenset(_MAPS.split())
"""Objects that HCL writes as arguments."""

_LISTS = """
    Action ami_groups ami_org_arns ami_ou_arns ami_product_codes ami_regions ami_users ansible_env_vars
    ansible_ssh_extra_args boot_command boot_steps cap_add cap_drop cd_files checksum_types chroot_mounts
    collection_paths cookbook_paths copy_files disk_controller_type dns_server_list dns_suffix_list empty_groups
    environment_vars extra_arguments floppy_dirs floppy_files formulas image_copy_names image_copy_regions
    image_members image_share_account image_tags image_unshare_account inline inventory_groups iso_paths iso_urls
    kms_key_copy_ids module_paths mount_options network_discovery_cidrs only_builds only_on ovf_flags
    ovftool_options owners package_include playbook_files playbook_paths policy_arns post_mount_commands
    pre_mount_commands qemuargs registry_keys remote_cookbook_paths Resource role_paths run_command run_list
    run_once_command_list sbom_exclude scanner_args scripts security_group_ids security_groups snapshot_groups
    snapshot_users spot_instance_types ssh_ciphers ssh_key_exchange_algorithms ssh_local_tunnels ssh_private_key
    ssh_public_key ssh_remote_tunnels temporary_security_group_source_cidrs tmpfs transitive_tag_keys usb_controller
    valid_exit_codes
"""
LISTS: Final = frozenset(_LISTS.split())
"""Lists, which legacy templates may write as a single value."""

_NUMBERS = """
    auto_logon_count block_duration_minutes compression_level cores cpu_cores CPU_limit CPU_reservation CPUs cpus
    debug_mode delay_seconds disk_controller_index displays duration_seconds host_port_max host_port_min
    http_port_max http_port_min http_put_response_hop_limit image_creation_wait image_min_disk
    internet_max_bandwidth_out iops ipv4_netmask ipv6_netmask local_port max_attempts max_parallel_launches memory
    RAM RAM_reservation reattach_cdroms root_volume_size session_manager_port snapshot_copy_duration_minutes sockets
    ssh_bastion_port ssh_handshake_attempts ssh_host_port_max ssh_host_port_min ssh_port ssh_proxy_port
    target_resource_count template_version temporary_key_pair_bits threads throughput video_ram vm_version
    vnc_port_max vnc_port_min volume_size wait_copying_image_ready_timeout wait_snapshot_ready_timeout
    watch_import_timeout_sec watch_publish_timeout_sec watch_source_timeout_sec winrm_port
"""
NUMBERS: Final = frozenset(_NUMBERS.split())
"""Numbers."""

_BOOLS = """
    add_clean add_force add_insecure ami_encrypt ansible_winrm_use_http associate_public_ip_address auto_generate
    auto_logon aws_force_use_public_ecr binary box_private check_registry clean_imported_image
    clean_staging_directory commit compress config_drive convert_to_template CPU_hot_plug create_snapshot
    decode_authorization_messages delete_on_termination destroy disable disable_shutdown disable_stop_instance
    disable_sudo disable_vnc discard disk_compression disk_delete_with_instance disk_eagerly_scrub disk_encrypted
    disk_image disk_thin_provisioned ebs_optimized ecr_login efi_boot efi_drop_efivars ena_support
    enable_fast_launch enable_nitro_enclave enable_t2_unlimited enable_unlimited_credits enabled encrypt_boot
    encrypted expect_disconnect fix_upload_owner force force_bios_setup force_delete force_delete_snapshot
    force_deregister force_stop_instance from_scratch galaxy_force_install galaxy_force_with_deps generated headless
    hw_clock_utc ignore_exit_codes image_auto_accept_members image_encrypted image_files image_force_delete
    image_force_delete_instances image_force_delete_snapshots image_ignore_data_disks include_deprecated insecure
    insecure_connection insecure_skip_tls_verify insert_key io_optimized iso_skip_cache keep_import_request
    keep_input_artifact keep_inventory_file latest linked linked_clone local_cache_overwrite login most_free
    most_recent NestedHV no_device no_direct_upload no_ephemeral no_exit_on_failure no_release omit_from_artifact
    overwrite ovf passthrough prevent_sudo privileged provenance pty pull qmp_enable rackconnect_wait RAM_hot_plug
    RAM_reserve_all random remote_cache_cleanup remote_cache_overwrite remove_cdrom remove_network_adapter
    reregister_vm reuse_ips root_volume_encrypt_boot run_once sbom set_host_for_datastore_uploads skip_add
    skip_ami_run_tags skip_bootstrap skip_clean skip_clean_client skip_clean_node skip_clean_staging_directory
    skip_compaction skip_create_ami skip_create_image skip_credential_validation skip_export skip_image_validation
    skip_import skip_install skip_metadata_api_check skip_nat_mapping skip_package skip_profile_validation
    skip_region_validation skip_resize_disk skip_save_build_region skip_version_check snapshot_enable
    snapshot_volume sound sriov_support ssh_agent_auth ssh_bastion_agent_auth ssh_bastion_interactive
    ssh_clear_authorized_keys ssh_disable_agent_forwarding ssh_private_ip ssh_pty strip_path strip_time
    temporary_security_group_source_public_ip tools_sync_time tools_sync_time_periodically tools_upgrade_policy
    upload_tlog usb use_backing_file use_blockstorage_volume use_create_image use_default_display use_env_var_file
    use_floating_ip use_linux_pathing use_pflash use_proxy use_pwsh use_sftp use_tpm1 vagrantfile_template_generated
    vbs_enabled vhv_enabled vmx_remove_ethernet_interfaces vnc_disable_password vnc_use_password vTPM vtpm
    vvtd_enabled windows_container winrm_insecure winrm_no_proxy winrm_use_ntlm winrm_use_ssl with_cooldown
    with_decryption
"""
BOOLS: Final = frozenset(_BOOLS.split())
"""Bools."""
