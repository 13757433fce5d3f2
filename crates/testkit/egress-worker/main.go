// Command egress-worker stands in for LiveKit's Egress in tests. Usage: egress-worker HOST:PORT (Redis).
//
// What is real: it registers for StartEgress over LiveKit's own RPC (psrpc over Redis), takes requests
// from a livekit-server, answers StopEgress, reports its states to the server (which sends the
// egress_* webhooks), and uploads to the S3 server in the request with the request's credentials.
//
// What is not: it does not join the room. Its file is valid stereo Ogg Opus, silence as long as the egress
// lasted.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"
)

// Longest time that a report may take.
const deadline = 10 * time.Second

// worker takes egresses and keeps track of the running ones.
type worker struct {
	rpc.UnimplementedEgressInternalServer
	bus     psrpc.MessageBus
	reports rpc.IOInfoClient
	mu      sync.Mutex
	running map[string]*recorder
}

// recorder is one egress. Its info is copied before it is used outside the lock.
type recorder struct {
	rpc.UnimplementedEgressHandlerServer
	worker *worker
	output *livekit.EncodedFileOutput
	mu     sync.Mutex
	info   *livekit.EgressInfo
	stop   chan struct{}
	once   sync.Once
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: egress-worker HOST:PORT")
	}
	client := redis.NewClient(&redis.Options{Addr: os.Args[1]})
	bus := psrpc.NewRedisMessageBus(client)
	reports, err := rpc.NewIOInfoClient(bus)
	if err != nil {
		log.Fatal(err)
	}
	w := &worker{bus: bus, reports: reports, running: map[string]*recorder{}}
	server, err := rpc.NewEgressInternalServer(w, bus)
	if err != nil {
		log.Fatal(err)
	}
	if err := server.RegisterStartEgressTopic(""); err != nil {
		log.Fatal(err)
	}
	if err := server.RegisterListActiveEgressTopic(""); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
	server.Kill()
}

// StartEgressAffinity always offers capacity.
func (w *worker) StartEgressAffinity(context.Context, *rpc.StartEgressRequest) float32 { return 1 }

func (w *worker) ListActiveEgress(context.Context, *rpc.ListActiveEgressRequest) (*rpc.ListActiveEgressResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for id := range w.running {
		ids = append(ids, id)
	}
	return &rpc.ListActiveEgressResponse{EgressIds: ids}, nil
}

func (w *worker) StartEgress(_ context.Context, req *rpc.StartEgressRequest) (*livekit.EgressInfo, error) {
	room := req.GetRoomComposite()
	if room == nil || len(room.FileOutputs) != 1 || room.FileOutputs[0].GetS3() == nil {
		return nil, psrpc.NewErrorf(psrpc.InvalidArgument, "only room composites to one file on S3 here")
	}
	output := room.FileOutputs[0]
	// The request in reports contains no secrets.
	told := proto.Clone(room).(*livekit.RoomCompositeEgressRequest)
	s3 := told.FileOutputs[0].GetS3()
	s3.AccessKey, s3.Secret = "{access_key}", "{secret}"
	now := time.Now().UnixNano()
	r := &recorder{worker: w, output: output, stop: make(chan struct{}), info: &livekit.EgressInfo{
		EgressId:    req.EgressId,
		RoomId:      req.RoomId,
		RoomName:    room.RoomName,
		SourceType:  livekit.EgressSourceType_EGRESS_SOURCE_TYPE_SDK,
		Status:      livekit.EgressStatus_EGRESS_STARTING,
		UpdatedAt:   now,
		Request:     &livekit.EgressInfo_RoomComposite{RoomComposite: told},
		FileResults: []*livekit.FileInfo{{Filename: output.Filepath}},
	}}
	handler, err := rpc.NewEgressHandlerServer(r, w.bus)
	if err != nil {
		return nil, err
	}
	if err := handler.RegisterStopEgressTopic(req.EgressId); err != nil {
		handler.Kill()
		return nil, err
	}
	w.mu.Lock()
	w.running[req.EgressId] = r
	w.mu.Unlock()
	go func() {
		r.run()
		w.mu.Lock()
		delete(w.running, req.EgressId)
		w.mu.Unlock()
		// A StopEgress in progress is still answered.
		handler.Shutdown()
	}()
	return r.snapshot(), nil
}

// StopEgress ends the recording; the file follows later.
func (r *recorder) StopEgress(context.Context, *livekit.StopEgressRequest) (*livekit.EgressInfo, error) {
	r.once.Do(func() { close(r.stop) })
	return r.snapshot(), nil
}

func (r *recorder) snapshot() *livekit.EgressInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return proto.Clone(r.info).(*livekit.EgressInfo)
}

// report changes the egress's info and sends it to the server.
func (r *recorder) report(change func(info *livekit.EgressInfo)) {
	r.mu.Lock()
	change(r.info)
	r.info.UpdatedAt = time.Now().UnixNano()
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if _, err := r.worker.reports.UpdateEgress(ctx, r.snapshot()); err != nil {
		log.Printf("a report was not taken: %v", err)
	}
}

func (r *recorder) run() {
	// The server stores an egress when StartEgress is answered; an update must not overtake that.
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	r.report(func(info *livekit.EgressInfo) {
		info.Status = livekit.EgressStatus_EGRESS_ACTIVE
		info.StartedAt = began.UnixNano()
		info.FileResults[0].StartedAt = began.UnixNano()
	})
	<-r.stop
	ended := time.Now()
	r.report(func(info *livekit.EgressInfo) { info.Status = livekit.EgressStatus_EGRESS_ENDING })
	file := silence(ended.Sub(began))
	location, err := upload(r.output, file)
	r.report(func(info *livekit.EgressInfo) {
		result := info.FileResults[0]
		info.EndedAt = ended.UnixNano()
		result.EndedAt = ended.UnixNano()
		result.Duration = int64(ended.Sub(began))
		if err != nil {
			info.Status = livekit.EgressStatus_EGRESS_FAILED
			info.Error = err.Error()
			return
		}
		info.Status = livekit.EgressStatus_EGRESS_COMPLETE
		result.Size = int64(len(file))
		result.Location = location
	})
}

// upload puts the file where the request says and returns its URL.
func upload(output *livekit.EncodedFileOutput, file []byte) (string, error) {
	s3 := output.GetS3()
	if s3.Endpoint == "" || !s3.ForcePathStyle {
		return "", errors.New("only S3 servers with an endpoint, path style, here")
	}
	address := fmt.Sprintf("%s/%s/%s", s3.Endpoint, s3.Bucket, output.Filepath)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(file))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "audio/ogg")
	sum := sha256.Sum256(file)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	key := aws.Credentials{AccessKeyID: s3.AccessKey, SecretAccessKey: s3.Secret}
	if err := v4.NewSigner().SignHTTP(ctx, key, req, hash, "s3", s3.Region, time.Now()); err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return "", fmt.Errorf("the bucket answered %s: %s", answer.Status, said)
	}
	return address, nil
}

// silence is a stereo Ogg Opus (RFC 7845) of this length, in packets of 20 ms.
func silence(length time.Duration) []byte {
	// TOC: CELT, fullband, 20 ms, stereo, one frame; then the frame that libopus makes of silence.
	packet := []byte{0xfc, 0xff, 0xfe}
	head := []byte("OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00")
	vendor := "sidetone egress-worker"
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = binary.LittleEndian.AppendUint32(tags, 0)
	out := page(2, 0, 0, [][]byte{head})
	out = append(out, page(0, 0, 1, [][]byte{tags})...)
	left, granule, sequence := int(length/(20*time.Millisecond))+1, uint64(0), uint32(2)
	for left > 0 {
		count := min(left, 50)
		left -= count
		granule += uint64(count) * 960
		packets := make([][]byte, count)
		for i := range packets {
			packets[i] = packet
		}
		flags := byte(0)
		if left == 0 {
			flags = 4
		}
		out = append(out, page(flags, granule, sequence, packets)...)
		sequence++
	}
	return out
}

// page is an Ogg page (RFC 3533) of whole packets, each shorter than 255 bytes.
func page(flags byte, granule uint64, sequence uint32, packets [][]byte) []byte {
	out := append([]byte("OggS\x00"), flags)
	out = binary.LittleEndian.AppendUint64(out, granule)
	out = binary.LittleEndian.AppendUint32(out, 1)
	out = binary.LittleEndian.AppendUint32(out, sequence)
	out = append(out, 0, 0, 0, 0, byte(len(packets)))
	for _, packet := range packets {
		out = append(out, byte(len(packet)))
	}
	for _, packet := range packets {
		out = append(out, packet...)
	}
	binary.LittleEndian.PutUint32(out[22:], crc(out))
	return out
}

// crc is Ogg's: polynomial 0x04c11db7, not reflected, from 0.
func crc(data []byte) uint32 {
	var sum uint32
	for _, b := range data {
		sum ^= uint32(b) << 24
		for range 8 {
			if sum&(1<<31) != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}
