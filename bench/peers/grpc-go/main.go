// The service of every stage on grpc-go as its documentation starts it, experimental options left as they are, with the
// messages and the service that its own generators make of the .proto file. Like every Go server it may run on all cores
// (GOMAXPROCS): CPU per request counts all of its threads.
//
// To make workload/ anew, with the versions that stand in its files: protoc, and of Go's `go install` protoc-gen-go and
// protoc-gen-go-grpc on PATH, then `go generate`.
package main

//go:generate protoc -I ../../../packages/grpc/proto --go_out=workload --go_opt=paths=source_relative,Mqps.proto=peer/workload --go-grpc_out=workload --go-grpc_opt=paths=source_relative,Mqps.proto=peer/workload qps.proto

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"peer/workload"
)

// Bytes that Expand answers with at most, as the other arms have it.
const expandBytesMax = 256 << 20

type service struct {
	workload.UnimplementedWorkloadServer
}

func (service) Echo(_ context.Context, request *workload.EchoRequest) (*workload.EchoReply, error) {
	return &workload.EchoReply{Payload: request.Payload}, nil
}

func (service) Status(context.Context, *workload.StatusRequest) (*workload.StatusReply, error) {
	body := fmt.Appendf(nil, `{"status":"ok","ts":%d}`, time.Now().UnixMilli())
	return &workload.StatusReply{Body: body}, nil
}

func (service) Expand(request *workload.ExpandRequest, stream grpc.ServerStreamingServer[workload.EchoReply]) error {
	if request.Count > expandBytesMax || uint64(request.Count)*uint64(request.Size) > expandBytesMax {
		return status.Errorf(codes.InvalidArgument, "count times size must be at most %d", expandBytesMax)
	}
	reply := &workload.EchoReply{Payload: make([]byte, request.Size)}
	for range request.Count {
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
	return nil
}

func (service) Collect(stream grpc.ClientStreamingServer[workload.EchoRequest, workload.CollectReply]) error {
	reply := &workload.CollectReply{}
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(reply)
		}
		if err != nil {
			return err
		}
		reply.Messages++
		reply.Bytes += uint64(len(request.Payload))
	}
}

func (service) Chat(stream grpc.BidiStreamingServer[workload.EchoRequest, workload.EchoReply]) error {
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&workload.EchoReply{Payload: request.Payload}); err != nil {
			return err
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	workload.RegisterWorkloadServer(server, service{})
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
