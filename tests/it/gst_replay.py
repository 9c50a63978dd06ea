"""A recording played by GStreamer's ONVIF replay (ONVIF Streaming 6): prints its port, serves until stdin closes.

Arguments: none|digest, user, password, path, seconds. Any time can be asked for; from there on, so many seconds at
25 Hz with a key picture each second are "recorded".
"""

import sys

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtsp", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer
except (ImportError, ValueError) as missing:
    print("missing:", missing, flush=True)
    sys.exit(0)

Gst.init(None)
for element in ("x264enc", "h264parse", "rtph264pay", "videotestsrc", "rtponviftimestamp"):
    if Gst.ElementFactory.find(element) is None:
        print("missing:", element, flush=True)
        sys.exit(0)

method, user, password, path, seconds = sys.argv[1:6]
server = GstRtspServer.RTSPOnvifServer.new()
server.set_address("127.0.0.1")
server.set_service("0")

# "Range: clock=" becomes a seek to nanoseconds since 1900, which videotestsrc follows, so ntp-offset is 0. A packet
# holds a whole NAL unit: rtponviftimestamp 1.22 fails on the buffer lists of fragmented ones.
pipeline = (
    f"( videotestsrc num-buffers={25 * int(seconds)} ! video/x-raw,width=320,height=240,framerate=25/1 "
    "! x264enc key-int-max=25 bframes=0 speed-preset=ultrafast threads=1 rc-lookahead=0 "
    "! video/x-h264,profile=baseline ! h264parse ! rtph264pay pt=96 mtu=60000 config-interval=-1 "
    "! application/x-rtp ! rtponviftimestamp ntp-offset=0 name=pay0 )"
)
factory = GstRtspServer.RTSPOnvifMediaFactory()
factory.set_launch(pipeline)
factory.set_media_gtype(GstRtspServer.RTSPOnvifMedia)
factory.set_replay_support(True)
factory.set_shared(False)
if method != "none":
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory(path, factory)

if server.attach(None) == 0:
    sys.exit("no port")

loop = GLib.MainLoop()


def ended(*_):
    loop.quit()
    return False


GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, ended)
print(server.get_bound_port(), flush=True)
loop.run()
