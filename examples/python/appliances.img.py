"""One file for each appliance, and a list of them all: what HCL needs for_each for is a loop here.

    hclimg plan examples/python/appliances.img.py
    hclimg apply -force -var owner=me examples/python/appliances.img.py

Loading this file runs its code. Values like ``owner`` are known only when the template is compiled: they work in
f-strings and with operators, but Python cannot decide by them.
"""

from hclimg import build, fn, local, output, source, variable

APPLIANCES = {"cache": 64, "web": 256, "database": 1024}  # MiB of memory

owner = variable("owner", type=str, default="nobody", description="Who runs the appliances.")
label = local("label", f"{fn.upper(owner)}-appliances")

appliances = [
    source.file(name, target=f"output-python/{name}.conf", content=f"label={label} memory={memory}\n")
    for name, memory in APPLIANCES.items()
]

with build(name="appliances", sources=appliances) as all_of_them:
    all_of_them.provisioner.shell_local(inline=[f"echo {all_of_them.name} for {owner}"])
    all_of_them.post_processor.checksum(checksum_types=["sha256"], output="output-python/{{.BuildName}}.sha256")

output("owner", owner)
