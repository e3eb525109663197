// The article's first server, with the import of "time" that it forgot and a free port of loopback.
// Like every Go server it may run on all cores (GOMAXPROCS): CPU per request counts all of its threads.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

func handler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status":"ok","ts":%d}`, time.Now().UnixMilli())
}

func main() {
	http.HandleFunc("/", handler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
