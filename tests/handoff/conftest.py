from small_project import only, remote, tiny, whole  # noqa: F401
