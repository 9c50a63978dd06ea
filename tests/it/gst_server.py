"""An RTSP server that Bartizan did not write: prints its port, serves until stdin closes.

Arguments: none|basic|digest, user, password, then PATH=PIPELINE for each stream; "PATH=PIPELINE @@ PIPELINE" has
a backchannel too (ONVIF Streaming 5.3), whose speech goes to the second pipeline; "PATH=PIPELINE @@ replay" plays it
from any moment that is asked for (ONVIF Streaming 6).
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
for element in ("x264enc", "rtph264pay", "videotestsrc", "x265enc"):
    if Gst.ElementFactory.find(element) is None:
        print("missing:", element, flush=True)
        sys.exit(0)

method, user, password = sys.argv[1:4]
server = GstRtspServer.RTSPOnvifServer.new()
server.set_address("127.0.0.1")
server.set_service("0")

if method != "none":
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if method == "basic":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    server.set_auth(auth)

for mount in sys.argv[4:]:
    path, pipeline = mount.split("=", 1)
    pipeline, _, backchannel = pipeline.partition(" @@ ")
    if backchannel == "replay":
        factory = GstRtspServer.RTSPOnvifMediaFactory()
        factory.set_media_gtype(GstRtspServer.RTSPOnvifMedia)
        factory.set_replay_support(True)
    elif backchannel:
        factory = GstRtspServer.RTSPOnvifMediaFactory()
        factory.set_backchannel_launch(backchannel)
        factory.set_media_gtype(GstRtspServer.RTSPOnvifMedia)
    else:
        factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline)
    factory.set_shared(False)
    if method != "none":
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
