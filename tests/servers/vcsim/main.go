// Starts govmomi's vCenter simulator, with what hcl_ext.go adds to it. Prints {"url": …} when it listens.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/pbm/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

func main() {
	listen := flag.String("l", "127.0.0.1:8989", "listen address")
	user := flag.String("username", "user", "")
	pass := flag.String("password", "pass", "")
	useTLS := flag.Bool("tls", true, "")
	cert := flag.String("tlscert", "", "")
	key := flag.String("tlskey", "", "")
	model := simulator.VPX()
	flag.IntVar(&model.Machine, "vm", model.Machine, "")
	flag.IntVar(&model.Host, "standalone-host", model.Host, "")
	flag.IntVar(&model.Cluster, "cluster", model.Cluster, "")
	flag.IntVar(&model.Datastore, "ds", model.Datastore, "")
	flag.IntVar(&model.Folder, "folder", model.Folder, "")
	flag.IntVar(&model.Pod, "pod", model.Pod, "")
	flag.IntVar(&model.Datacenter, "dc", model.Datacenter, "")
	flag.Parse()
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	model.Service.RegisterEndpoints = true
	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(*user, *pass)}
	if *useTLS {
		model.Service.TLS = new(tls.Config)
		if *cert != "" {
			c, err := tls.LoadX509KeyPair(*cert, *key)
			if err != nil {
				log.Fatal(err)
			}
			model.Service.TLS.Certificates = []tls.Certificate{c}
		}
	}
	model.Service.HandleFunc("/hcl/nfc", simulator.HclControl)
	s := model.Service.NewServer()
	b, _ := json.Marshal(map[string]string{"url": s.URL.String()})
	fmt.Println(string(b))
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	<-ch
	model.Remove()
	s.Close()
}
