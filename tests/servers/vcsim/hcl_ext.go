// What govmomi's simulator 0.24.2 lacks and the tests need. It is our own code and not VMware's behaviour: what it
// answers shows that hclimg speaks the protocol, not that a vCenter would agree.
package simulator

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// PutUsbScanCodes appends the events, one JSON line each, to $HCL_SCANCODES.
func (vm *VirtualMachine) PutUsbScanCodes(req *types.PutUsbScanCodes) soap.HasFault {
	body := &methods.PutUsbScanCodesBody{}
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		body.Fault_ = Fault("", &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: vm.Runtime.PowerState})
		return body
	}
	if p := os.Getenv("HCL_SCANCODES"); p != "" {
		f, err := os.OpenFile(p, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0600)
		if err == nil {
			for _, e := range req.Spec.KeyEvents {
				_ = json.NewEncoder(f).Encode(map[string]interface{}{"vm": vm.Name, "code": e.UsbHidCode, "mod": e.Modifiers})
			}
			_ = f.Close()
		}
	}
	body.Res = &types.PutUsbScanCodesResponse{Returnval: int32(len(req.Spec.KeyEvents))}
	return body
}

// hclCopy gives a clone devices of its own: the simulator lets a clone share them with its source.
func hclCopy(devices []types.BaseVirtualDevice) []types.BaseVirtualDevice {
	var buf bytes.Buffer
	from := types.VirtualHardware{Device: devices}
	if err := xml.NewEncoder(&buf).Encode(from); err != nil {
		panic(err)
	}
	var to types.VirtualHardware
	decoder := xml.NewDecoder(&buf)
	decoder.TypeFunc = types.TypeFunc()
	if err := decoder.Decode(&to); err != nil {
		panic(err)
	}
	return to.Device
}

// hclNow is when a machine was made, which the simulator does not note.
func hclNow() *time.Time {
	now := time.Now()
	return &now
}

// hclName: a machine that is registered by another name has its files by the old one.
func hclName(folder, name string, register bool) string {
	if found, _ := filepath.Glob(path.Join(folder, "*.nvram")); register && path.Ext(name) == ".nvram" && len(found) > 0 {
		return path.Base(found[0])
	}
	return name
}

// hclTemplate makes a template of what was registered as one; the simulator forgets that.
func hclTemplate(result types.AnyType, template bool) {
	vm := Map.Get(result.(types.ManagedObjectReference)).(*VirtualMachine)
	vm.Config.Template, vm.Summary.Config.Template = template, template
}

// ExportVm hands out a lease over the VM's own disk files.
func (vm *VirtualMachine) ExportVm(ctx *Context, req *types.ExportVm) soap.HasFault {
	body := &methods.ExportVmBody{}
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		body.Fault_ = Fault("", &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: vm.Runtime.PowerState})
		return body
	}
	lease := NewHttpNfcLease(ctx, vm.Self)
	ref := lease.Reference()
	lease.Info.Lease = ref
	n := 0
	for _, d := range object.VirtualDeviceList(vm.Config.Hardware.Device) {
		disk, ok := d.(*types.VirtualDisk)
		if !ok {
			continue
		}
		info := disk.Backing.(types.BaseVirtualDeviceFileBackingInfo).GetVirtualDeviceFileBackingInfo()
		var file object.DatastorePath
		file.FromString(info.FileName)
		ds := vm.findDatastore(file.Datastore)
		name := fmt.Sprintf("disk-%d.vmdk", n)
		lease.files[name] = path.Join(ds.Info.GetDatastoreInfo().Url, file.Path)
		lease.Info.DeviceUrl = append(lease.Info.DeviceUrl, types.HttpNfcLeaseDeviceUrl{
			Key: fmt.Sprintf("/%s/VirtualDisk:%d", vm.Self.Value, n), TargetId: name, Disk: types.NewBool(true),
			Url: (&url.URL{Scheme: "https", Host: "*", Path: nfcPrefix + path.Join(ref.Value, name)}).String(),
		})
		n++
	}
	body.Res = &types.ExportVmResponse{Returnval: ref}
	return body
}

// HttpNfcLeaseGetManifest tells size and SHA-1 of the files of a lease.
func (l *HttpNfcLease) HttpNfcLeaseGetManifest(req *types.HttpNfcLeaseGetManifest) soap.HasFault {
	var entries []types.HttpNfcLeaseManifestEntry
	for _, device := range l.Info.DeviceUrl {
		f, err := os.Open(l.files[device.TargetId])
		if err != nil {
			continue
		}
		hash := sha1.New()
		n, _ := io.Copy(hash, f)
		_ = f.Close()
		entries = append(entries, types.HttpNfcLeaseManifestEntry{
			Key: device.Key, Sha1: fmt.Sprintf("%x", hash.Sum(nil)), Size: n, Disk: true,
		})
	}
	return &methods.HttpNfcLeaseGetManifestBody{Res: &types.HttpNfcLeaseGetManifestResponse{Returnval: entries}}
}

// CreateDescriptor writes an OVF with the files that it is told of and no hardware.
func (m *OvfManager) CreateDescriptor(ctx *Context, req *types.CreateDescriptor) soap.HasFault {
	var files, disks bytes.Buffer
	for i, f := range req.Cdp.OvfFiles {
		fmt.Fprintf(&files, "    <File ovf:href=%q ovf:id=\"file%d\" ovf:size=\"%d\"/>\n", f.Path, i+1, f.Size)
		fmt.Fprintf(&disks, "    <Disk ovf:capacity=\"%d\" ovf:diskId=\"disk%d\" ovf:fileRef=\"file%d\" "+
			"ovf:format=\"http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized\"/>\n", f.Capacity, i+1, i+1)
	}
	text := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References>
%s  </References>
  <DiskSection>
    <Info>The simulator's disks</Info>
%s  </DiskSection>
  <VirtualSystem ovf:id=%q>
    <Info>A machine of the simulator</Info>
  </VirtualSystem>
</Envelope>
`, files.String(), disks.String(), req.Cdp.Name)
	return &methods.CreateDescriptorBody{Res: &types.CreateDescriptorResponse{
		Returnval: types.OvfCreateDescriptorResult{OvfDescriptor: text}}}
}

// hclNFC says how the transfers of leases go: the n-th download ends after Cuts[n] bytes; Ranges: whether a download
// can begin in the middle; Busy: how many downloads are refused with 503 first.
var hclNFC struct {
	sync.Mutex
	Cuts   []int64
	Ranges bool
	Asked  []string
}

// HclControl: POST sets Cuts and Ranges, GET gives them and the ranges that were asked for.
func HclControl(w http.ResponseWriter, r *http.Request) {
	hclNFC.Lock()
	defer hclNFC.Unlock()
	if r.Method == http.MethodPost {
		hclNFC.Cuts, hclNFC.Ranges, hclNFC.Asked = nil, false, []string{}
		_ = json.NewDecoder(r.Body).Decode(&hclNFC)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]interface{}{"Cuts": hclNFC.Cuts, "Ranges": hclNFC.Ranges, "Asked": hclNFC.Asked})
}

// hclUpload keeps what is uploaded through a lease; the simulator throws it away.
func hclUpload(file string) io.Writer {
	f, err := os.Create(file)
	if err != nil {
		return io.Discard
	}
	return f
}

// hclDownload sends a file of a lease; the simulator's own code cannot send one that is not empty.
func hclDownload(w http.ResponseWriter, r *http.Request, file string) {
	f, err := os.Open(file)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	hclNFC.Lock()
	left, ranges := int64(-1), hclNFC.Ranges
	if len(hclNFC.Cuts) > 0 {
		left, hclNFC.Cuts = hclNFC.Cuts[0], hclNFC.Cuts[1:]
	}
	hclNFC.Asked = append(hclNFC.Asked, r.Header.Get("Range"))
	hclNFC.Unlock()
	if left >= 0 {
		w = &hclCut{w, left}
	}
	info, _ := f.Stat()
	if ranges {
		w.Header().Set("Content-Type", "application/x-vnd.vmware-streamVmdk")
		http.ServeContent(w, r, "", info.ModTime(), f)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(info.Size()))
	_, _ = io.Copy(w, f)
}

type hclCut struct {
	http.ResponseWriter
	left int64
}

func (c *hclCut) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	c.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}
